"""What each verb of a document does to a call."""
