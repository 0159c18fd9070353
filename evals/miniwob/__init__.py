"""MiniWoB++: small web pages with a task each, which say themselves whether it was done."""
