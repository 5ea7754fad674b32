"""What every fast path computes, to the bit, in short NumPy: `floats` and `integers`."""
