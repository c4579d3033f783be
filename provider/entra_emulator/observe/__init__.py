"""What clients did: the journal, its masking, the judgement, the report and the page."""
