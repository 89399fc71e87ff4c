#!/bin/bash
export FROM_PROFILE_D=1
