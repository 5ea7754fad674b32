"""Readers of public data sets and generators of synthetic ones. NumPy only.

`idx` reads the IDX format, `mnist` finds the MNIST digits, `copy` makes the copy task, `download` fills the
user cache, and `task` puts one of them into the shape in which `hadamrnn train` and `hadamrnn eval` use it.
"""
