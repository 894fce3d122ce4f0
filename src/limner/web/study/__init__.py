"""The page that raters of a preference study see, and the server behind it (`limner study serve`)."""
