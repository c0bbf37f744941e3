"""What figures show (charts), and how two backends draw it."""
