"""What an empty book is filled with: the city (`city.py`), and for the demo people, cards and bookings (`demo.py`)."""

from booking_core.seed.demo import seed_demo

__all__ = ["seed_demo"]
