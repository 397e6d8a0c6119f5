"""Certificates of the webhook listener: made, kept in a folder or a Secret, renewed, loaded while it runs."""
