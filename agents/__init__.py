"""From marks to answers and actions."""
