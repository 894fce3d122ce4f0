"""The papers' figures, one function each: clips in, a matplotlib figure out. `save` writes it as PNG and SVG."""
