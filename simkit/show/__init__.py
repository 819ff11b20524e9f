"""What results look like: tables, sentences and figures."""
