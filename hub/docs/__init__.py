"""The project's pages. Some are made from the code by ``python -m hub.docs.generate``; nothing else imports this."""
