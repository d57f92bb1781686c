/** The seal: a scalloped disc with an open C. */
export function Seal({ className = "size-6" }: { className?: string }) {
  const points = Array.from({ length: 48 }, (_, i) => {
    const angle = (i / 48) * 2 * Math.PI;
    const radius = 14.2 + 0.9 * Math.cos(angle * 12);
    return `${(16 + radius * Math.cos(angle)).toFixed(2)},${(16 + radius * Math.sin(angle)).toFixed(2)}`;
  }).join(" ");
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true">
      <polygon points={points} className="fill-seal" strokeLinejoin="round" />
      <circle cx="16" cy="16" r="11" fill="none" stroke="#fff" strokeOpacity="0.35" strokeWidth="1" />
      <path d="M20.4 12.2a5.8 5.8 0 1 0 0 7.6" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span className="inline-flex items-center gap-2">
      <Seal />
      <span className="text-base font-semibold tracking-tight">Chancery</span>
    </span>
  );
}
