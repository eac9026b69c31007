"""Second computations of the numeric questions, independent of the library."""
