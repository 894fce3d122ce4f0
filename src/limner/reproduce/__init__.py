"""The tables and figures of both papers as commands: train what is missing, generate, evaluate, write: `limner reproduce WHAT`."""
