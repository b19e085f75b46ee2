import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
const out='/tmp/ui1-shots'; import fs from 'node:fs'; fs.mkdirSync(out,{recursive:true});
const port=5391;
const vite=spawn('npx',['vite','-c','tests/web/fake-studio.config.ts','--port',String(port),'--strictPort'],{cwd:'/work/wt/ui1',stdio:'pipe',detached:true});
await new Promise(r=>{vite.stdout.on('data',d=>{ if(String(d).includes('Local'))r(); });setTimeout(r,15000);});
const b=await chromium.launch({executablePath:'/usr/bin/chromium',args:['--no-sandbox','--use-fake-device-for-media-stream','--use-fake-ui-for-media-stream','--autoplay-policy=no-user-gesture-required']});
const sizes=JSON.parse(process.argv[3]??'[[320,640],[1400,900]]');
const schemes=(process.argv[4]??'dark,light').split(',');
const { steps } = await import(process.argv[2]);
for (const colorScheme of schemes) for (const [width,height] of sizes) {
  const c=await b.newContext({viewport:{width,height},colorScheme: colorScheme==='forced'?'dark':colorScheme, forcedColors: colorScheme==='forced'?'active':'none', reducedMotion:'reduce', permissions:['camera','microphone']});
  const p=await c.newPage(); p.on('pageerror',e=>console.log('ERR',e.message));
  await p.goto(`http://localhost:${port}/?levels=1`);
  await p.waitForTimeout(1500);
  try { await steps(p, async n=>{ await p.waitForTimeout(250); await p.screenshot({path:`${out}/${n}-${width}-${colorScheme}.png`}); }, width); } catch(e){ console.log(width,colorScheme,e.message.slice(0,400)); await p.screenshot({path:`${out}/err-${width}-${colorScheme}.png`}); }
  await c.close();
}
await b.close(); process.kill(-vite.pid);
