"""OpenAI's API: requests, responses and errors. Pure; does not import ``oip/``."""
