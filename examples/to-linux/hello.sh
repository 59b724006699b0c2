#!/bin/sh
echo "Hello from Linux."
