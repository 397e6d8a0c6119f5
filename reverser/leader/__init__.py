"""Of several replicas one leads: the Lease that says which, and the label on its pod."""
