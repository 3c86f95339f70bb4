"""The citizens' door: free times for everybody; log in with number and password; book, see, move, cancel, print."""
