"""The durable queue between the cluster and Git; `model.journal.Journal` is its protocol."""
