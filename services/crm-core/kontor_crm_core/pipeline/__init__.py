"""Pipelines: the stages deals move through and the rules of each."""
