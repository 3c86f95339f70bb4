"""What the network answers over HTTP: the REST interface, softphones, the control of callers and faults, its page."""
