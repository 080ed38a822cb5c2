"""Generated from proto/external_processor.proto by ``make proto``. Do not edit."""
