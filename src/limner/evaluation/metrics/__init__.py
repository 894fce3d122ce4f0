"""Measures over sets: what a whole collection of clips or motions scores."""
