"""Calls, offers, operators and seats: rows, and conditional updates on them."""
