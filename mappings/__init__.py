"""What means what, as data: rows, code tables, source profiles. No Python lives here but this line."""
