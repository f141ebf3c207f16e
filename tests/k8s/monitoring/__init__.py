"""What the tests of k8s/base/monitoring share, and promtool's unit tests of the rules."""
