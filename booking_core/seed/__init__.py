"""What an empty book is filled with: the city (`city.py`), and for the demo people, cards and bookings (`demo.py`)."""

from booking_core.seed.demo import ForeignBook, refuse_foreign_book, seed_demo

__all__ = ["ForeignBook", "refuse_foreign_book", "seed_demo"]
