"""Tables: rows of a text or Parquet file, their columns read, encoded and scaled."""
