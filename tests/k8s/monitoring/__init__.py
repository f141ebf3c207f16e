"""Tests of k8s/base/monitoring, with promtool's unit tests of its rules."""
