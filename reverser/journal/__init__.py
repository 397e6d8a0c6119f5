"""The durable queue between the cluster and Git; `model.ports.Journal` is its protocol."""
