"""Views of hospitals' own databases: read in the order of a watermark, row by row as a CSV sheet of that kind."""
