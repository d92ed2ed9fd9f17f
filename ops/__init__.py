"""Operations: monitoring as files, deployment, bills of materials. Not deployed."""
