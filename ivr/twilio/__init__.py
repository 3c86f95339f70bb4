"""The telephony provider's side: signed webhooks in, TwiML out."""
