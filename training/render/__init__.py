"""A Kubernetes overlay for one run, from the manifests in k8s/."""
