"""Certificates of the webhook listener: created, stored in a folder or a Secret, renewed, reloaded."""
