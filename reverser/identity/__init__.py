"""Actors in, authors of commits out. Pure."""
