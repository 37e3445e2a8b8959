// Package checks holds what compose/ and docs/operating.md ship against the libraries of those who read them: Compose,
// Kubernetes, Kustomize, Prometheus, Alertmanager, HAProxy, Apache Kafka. It is a module of its own, so that none of them is a
// dependency of hookline. It has tests only.
package checks
