"""Readers of public data sets and generators of synthetic ones. NumPy only.

One file each: `mnist`, `fashion`, `har`, `dsa`, `fsdd`, `imdb`, `glue` read the original formats, and `copy` makes the
copy task. They stand on `idx`, `archive`, `table`, `mel` and `words`; `parsed` keeps what took long. `tasks` puts each
into the shape in which `hadamrnn train` and `hadamrnn eval` use it.
"""
