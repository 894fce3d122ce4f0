"""The studio's tabs, one file each: what can be chosen, and how what comes of it is shown."""
