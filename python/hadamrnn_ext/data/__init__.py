"""Public data sets, synthetic data, and files of own data. NumPy only.

`mnist`, `fashion`, `har`, `dsa`, `fsdd`, `imdb` and `glue` read data sets in their original formats, and `copy` generates
the copy task; `tasks` lists the tasks that they export. `files` reads own data of any format, and `custom` makes a task of
it.
"""
