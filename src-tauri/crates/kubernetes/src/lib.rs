//! Kubernetes targets: Istio VirtualService weights by JSON patch.
