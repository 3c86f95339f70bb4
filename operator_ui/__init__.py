"""The call centre's doors: the operators' desk and the board that supervisors and the wall screen show."""
