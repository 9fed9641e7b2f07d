"""What happened: assessments (also the silent ones), cards, feedback, decisions. The only place that knows SQL."""
