"""Deals: their values, their stage and how long they stayed in each."""
