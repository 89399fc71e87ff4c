export FROM_PROFILE=1 A=overridden
