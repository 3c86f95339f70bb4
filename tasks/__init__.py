"""Jobs: they claim rows and call functions of the core, and decide nothing. The whole schedule: `schedule.py`."""
