"""An input generator and a student that train each other, for attacks without data."""
