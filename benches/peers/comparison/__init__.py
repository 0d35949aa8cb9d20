"""What all rows share: installation, Diph's process, timing in turns, the report."""
