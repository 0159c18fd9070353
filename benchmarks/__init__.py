"""Speed and quality, measured beside other people's tools in the same run."""
