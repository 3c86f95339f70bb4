"""A telephone network that executes the markup the product answers, and refuses what the real one would refuse.

It stands in for the telephony provider: signed requests, calls, queues, conferences, REST, softphones. It imports no
other room and none of the provider's libraries, so that a misunderstanding on the product's side is not shared here.
"""
