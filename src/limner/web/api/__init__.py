"""The HTTP API (`limner serve`): a photo in, a job, its videos out; what it takes is checked by content, in a process of its own."""
