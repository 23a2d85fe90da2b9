"""What several suites share: the ledger, timing in turns, the machine, the models, packs and tables."""
