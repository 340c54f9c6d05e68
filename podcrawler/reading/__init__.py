"""Reads feeds and pages in processes of their own, so that no document can stop or fill the node that fetched it.

A node asks (readers.py), a process answers (process.py, reader.py). Documents are as hostile as their publishers: a
process that takes too long or too much memory is killed, which costs that one document and nothing else.
"""
